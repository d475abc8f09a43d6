/** Which word somebody meant who wrote another one: for messages about keys, flags and names. */
export { didYouMean, findNearest } from './nearest.js';
