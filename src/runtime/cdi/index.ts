/**
 * Devices for containers as the Container Device Interface describes them: files that say what a device needs in a
 * container. Loaded only when a step asks for a device. Start with registry.ts.
 */
export {
  additionsOf,
  type DeviceAdditions,
  type DeviceRule,
  kindOf,
  type SpecDevice,
  type SpecHooks,
} from './apply-edits.js';
export { editsFor } from './registry.js';
