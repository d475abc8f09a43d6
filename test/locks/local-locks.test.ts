import { LocalLocks } from '../../src/locks/index.js';
import { describeLocks } from './contract.js';

describeLocks('LocalLocks', async () => {
  const locks = new LocalLocks();
  return { one: locks, other: locks, [Symbol.asyncDispose]: async () => {} };
});
