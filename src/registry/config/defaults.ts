/** Used when neither an argument nor REGISTRY_CONFIGURATION_PATH names a file; config/default.yml says the same. */
export const EMBEDDED = `
version: 0.1
storage:
  filesystem:
    rootdirectory: ./data
  delete:
    enabled: true
http:
  addr: 127.0.0.1:5000
`;

/** The file to read: the argument, or else REGISTRY_CONFIGURATION_PATH; undefined for the embedded default. */
export function configPath(argument: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  return argument || env.REGISTRY_CONFIGURATION_PATH || undefined;
}
