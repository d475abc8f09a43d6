/**
 * What is in a root filesystem, as an SPDX document: the packages that the databases of package managers and the files
 * of language ecosystems tell of. Nothing is unpacked and nothing is run. Start with packages.ts, which walks the tree
 * once; each reader knows one kind of file; spdx.ts writes the document.
 */
export { packagesIn, type ScanOptions } from './packages.js';
export { type SpdxAbout, spdxDocument } from './spdx.js';
