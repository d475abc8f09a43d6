/** What somebody meant: which word, who wrote another one, for messages about keys, flags and names; and yes or no. */
export { findBoolean } from './booleans.js';
export { didYouMean, findNearest } from './nearest.js';
