import { expect, it } from 'vitest';
import { ownerOfIDs } from '../../../src/runtime/container/own-ids.js';

const ROOT = { isForMachine: true, idsOf: undefined };

it.each([
  { mode: '', choice: ROOT },
  { mode: 'host', choice: ROOT },
  { mode: 'host', choice: { isForMachine: true, idsOf: 'dockremap' } },
  { mode: 'host', choice: { isForMachine: false, idsOf: undefined } },
])(
  'the ids of a container are the machine\'s: "$mode" where usual ones are of $choice.idsOf',
  ({ mode, choice }) => expect(ownerOfIDs({ UsernsMode: mode }, choice)).toBeUndefined(),
);

it.each([
  { mode: 'auto', choice: ROOT, linux: '6.1.0-18-amd64', message: 'gives to containers' },
  { mode: 'auto', choice: { ...ROOT, idsOf: 'nosuch' }, linux: '5.19', message: 'gives to nosuch' },
  { mode: '', choice: { ...ROOT, idsOf: 'nosuch:too' }, linux: '5.19.1', message: 'gives to nosuch' },
  ...[':', 'a:', ':b', 'a:b:c'].map((idsOf) => ({
    ...{ mode: '', choice: { ...ROOT, idsOf }, linux: '6.1' },
    message: `"${idsOf}" does not say whose ids containers are to have`,
  })),
  { mode: 'auto', choice: ROOT, linux: '5.18.9', message: 'need Linux 5.19, this is 5.18.9' },
  { mode: 'auto', choice: { ...ROOT, isForMachine: false }, linux: '6.1', message: 'without root' },
])('the ids of a container cannot be its own: $message', ({ mode, choice, linux, message }) =>
  expect(() => ownerOfIDs({ UsernsMode: mode }, choice, linux, () => '')).toThrow(message),
);
