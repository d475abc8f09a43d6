/**
 * What is said of an image beside the image itself: of what it consists, and how it was made. Statements of in-toto, which
 * become manifests with the image for their subject. Loaded only when somebody asks for them. Start with statement.ts.
 */
export { type Invocation, PROVENANCE_TYPE, type ProvenanceOptions, provenanceOf } from './provenance.js';
export { SBOM_TYPE, sbomOf } from './sbom.js';
export { attach, type Statement, statementAbout } from './statement.js';
