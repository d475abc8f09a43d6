/** A container cannot be made or started here. The message says what would help. */
export class RuntimeError extends Error {
  override readonly name: string = 'RuntimeError';
}

/** This machine lacks what containers need: a program, a privilege, a kernel feature. */
export class RuntimeUnavailableError extends RuntimeError {
  override readonly name = 'RuntimeUnavailableError';
}

/** USER names somebody whom the root filesystem does not know. */
export class UserNotFoundError extends RuntimeError {
  override readonly name = 'UserNotFoundError';
}

/** A layer did not unpack to what its diffID promises. Nothing of it is kept. */
export class LayerMismatchError extends RuntimeError {
  override readonly name = 'LayerMismatchError';
}

/** The end of `text`, as one line: what a program wrote last says why it failed. */
export function lastWords(text: string): string {
  return text
    .trim()
    .slice(-2000)
    .replace(/\s*\n\s*/g, '; ');
}

/** No container, network or volume is called so. */
export class ContainerNotFoundError extends RuntimeError {
  override readonly name = 'ContainerNotFoundError';

  constructor(text: string) {
    super(`No such container: ${text}`);
  }
}

/** The beginning of several ids. */
export class AmbiguousContainerError extends RuntimeError {
  override readonly name = 'AmbiguousContainerError';

  constructor(text: string) {
    super(`several containers have ids that begin with ${text}: write more of it`);
  }
}

/** A name that another container has. */
export class ContainerConflictError extends RuntimeError {
  override readonly name = 'ContainerConflictError';

  constructor(name: string, holder: string) {
    super(
      `Conflict. The container name "/${name}" is already in use by container "${holder}". ` +
        'You have to remove (or rename) that container to be able to reuse that name.',
    );
  }
}

/** What a container is asked to be makes no sense. */
export class InvalidContainerError extends RuntimeError {
  override readonly name = 'InvalidContainerError';
}

/** The container is in a state in which this cannot be done. */
export class ContainerStateError extends RuntimeError {
  override readonly name = 'ContainerStateError';
}

/** A container's command cannot be started. `exitCode` is that of a shell: 126 or 127; 125 when it is not the command's fault. */
export class ContainerStartError extends RuntimeError {
  override readonly name = 'ContainerStartError';
  readonly exitCode: number;
  /** The runtime has told it already, on the error stream that the command was given. */
  readonly isSaid: boolean;

  constructor(message: string, exitCode: number, { isSaid = false }: { isSaid?: boolean } = {}) {
    super(message);
    this.exitCode = exitCode;
    this.isSaid = isSaid;
  }
}

/** There is nothing at a path of a container. */
export class ContainerFileNotFoundError extends RuntimeError {
  override readonly name = 'ContainerFileNotFoundError';
}

/** What is asked for cannot be done to the files of a container. */
export class ContainerFileError extends RuntimeError {
  override readonly name = 'ContainerFileError';
}
