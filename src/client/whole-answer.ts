import { RegistryError } from './errors.js';
import { AnswerTooLargeError, type HttpAnswer } from './http/answer.js';

/** The body of an answer. @param of `what`: a request in words. @throws {RegistryError} it is longer than anything of its kind. */
export async function readWholeAnswer(
  answer: HttpAnswer,
  maxBytes: number,
  { registry, what }: Readonly<{ registry: string; what: string }>,
): Promise<Buffer> {
  try {
    return await answer.bytes(maxBytes);
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    throw new RegistryError(`${what}: ${error.message}`, { registry, status: answer.status, cause: error });
  }
}
