import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/errors.js';
import { parseRequest } from '../../src/engine/request.js';

describe('parseRequest', () => {
  it.each([
    { line: 'GET /_ping', operation: 'SystemPing', name: '', version: 47 },
    { line: 'GET /v1.41/version', operation: 'SystemVersion', name: '', version: 41 },
    { line: 'GET /v1.47/images/json?all=1', operation: 'ImageList', name: '', version: 47 },
    {
      line: 'GET /v1.47/images/reg.example:5000/a/b:1/json',
      operation: 'ImageInspect',
      name: 'reg.example:5000/a/b:1',
      version: 47,
    },
    { line: 'DELETE /v1.24/images/a%2Fb', operation: 'ImageDelete', name: 'a/b', version: 24 },
    { line: 'POST /images/json/tag?repo=x', operation: 'ImageTag', name: 'json', version: 47 },
    { line: 'GET /v1.40/nodes/abc', operation: 'Swarm', name: 'abc', version: 40 },
  ])('reads $line', ({ line, ...expected }) => {
    const [method = '', url = ''] = line.split(' ');
    expect(parseRequest(method, url)).toMatchObject(expected);
  });

  it.each([
    { line: 'GET /v1.99/info', status: 400, message: 'client version 1.99 is too new' },
    { line: 'GET /v1.12/info', status: 400, message: 'client version 1.12 is too old' },
    { line: 'GET /v2.0/info', status: 400, message: 'client version 2.0 is too new' },
    { line: 'GET /nothing', status: 404, message: 'page not found' },
    { line: 'PUT /images/json', status: 404, message: 'page not found' },
    { line: 'GET /containers/x/checkpoints', status: 501, message: 'not answered by berth engine yet' },
    { line: 'GET /images/%zz/json', status: 400, message: 'not a name' },
  ])('refuses $line', ({ line, status, message }) => {
    const [method = '', url = ''] = line.split(' ');
    const parsing = () => parseRequest(method, url);
    expect(parsing).toThrow(EngineError);
    expect(parsing).toThrow(expect.objectContaining({ status, message: expect.stringContaining(message) }));
  });
});
