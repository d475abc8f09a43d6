import { isIndexType, readContent } from '../../image/index.js';
import { keyText, type Platform, parseImageConfig, parseManifest, parseReference } from '../../oci/index.js';
import { type Handler, sendJson } from '../call.js';
import { credentialsFrom } from '../registry-credentials.js';

/** `docker manifest inspect` of old, and whoever wants to know what a tag stands for in a registry. */
export const distributionInspect: Handler = async (engine, { name, message, answer, signal }) => {
  const { registry, repository, key } = parseReference(name);
  await using client = await engine.openClient(credentialsFrom(message.headers['x-registry-auth']), signal);
  const endpoint = client.repository(registry, repository);
  const { mediaType, digest, size } = await endpoint.resolve(keyText(key));
  const manifest = parseManifest(
    await readContent(endpoint, { mediaType, digest, size }, { signal }),
    mediaType,
  );
  const platforms: Platform[] = [];
  if (isIndexType(mediaType))
    platforms.push(
      ...manifest.children.flatMap(({ platform }) => (platform === undefined ? [] : [platform])),
    );
  else if (manifest.config !== undefined) {
    const { architecture, os, variant } = parseImageConfig(
      await readContent(endpoint, manifest.config, { signal }),
    );
    platforms.push({ architecture, os, ...(variant !== undefined && { variant }) });
  }
  sendJson(answer, { Descriptor: { mediaType, digest, size }, Platforms: platforms });
};
