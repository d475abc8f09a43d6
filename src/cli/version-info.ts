import manifest from '../../package.json' with { type: 'json' };
import { versionJson } from '../engine/index.js';
import { hostPlatform } from '../oci/index.js';
import { Template, unescaped } from './format-template.js';

/** `berth version`: docker's two parts, although one program is both. */
export function showVersion({ format }: Readonly<{ format?: string }>): void {
  const Server = versionJson({ version: manifest.version });
  const { os, architecture } = hostPlatform();
  const Client = {
    Platform: { Name: 'Berth' },
    Version: manifest.version,
    ApiVersion: Server.ApiVersion,
    DefaultAPIVersion: Server.ApiVersion,
    GitCommit: '',
    GoVersion: Server.GoVersion,
    Os: os,
    Arch: architecture,
    BuildTime: '',
    Context: 'default',
  };
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify({ Client, Server })}\n`);
    return;
  }
  const template = new Template(format === undefined ? TEXT : unescaped(format));
  const shown = { Client: asInGo(Client), Server: asInGo(Server), node: process.version };
  process.stdout.write(`${template.render(shown)}\n`);
}

/** Templates name the members of docker's program, of which one has another name in JSON. */
function asInGo<T extends { ApiVersion: string }>(part: T) {
  return { ...part, APIVersion: part.ApiVersion };
}

const TEXT = `Client: {{.Client.Platform.Name}}
 Version:           {{.Client.Version}}
 API version:       {{.Client.APIVersion}}
 Node version:      {{.node}}
 OS/Arch:           {{.Client.Os}}/{{.Client.Arch}}
 Context:           {{.Client.Context}}

Server: {{.Server.Platform.Name}}
 Engine:
  Version:          {{.Server.Version}}
  API version:      {{.Server.APIVersion}} (minimum version {{.Server.MinAPIVersion}})
  Node version:     {{.node}}
  OS/Arch:          {{.Server.Os}}/{{.Server.Arch}}
  Experimental:     {{.Server.Experimental}}`;
