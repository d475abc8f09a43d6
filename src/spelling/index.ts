/** What somebody meant: which word, who wrote another one, for messages about keys, flags and names; yes and no, and how long ago. */
export { findAge } from './ages.js';
export { findBoolean } from './booleans.js';
export { didYouMean, findNearest } from './nearest.js';
