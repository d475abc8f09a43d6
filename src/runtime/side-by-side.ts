/** Waits for all of it, also when some fails: nothing goes on behind the back of whoever acts on that. @throws the first failure. */
export async function sideBySide(...work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
