import { http } from './http.js';
import { pushImage, sha256, type TestImage } from './push.js';

/** To the reference registry, which takes no blob with the first request. */
export async function pushInTwo(
  url: string,
  repository: string,
  tag: string,
  image: TestImage,
): Promise<void> {
  for (const body of image.blobs) {
    const begun = await http(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    const place = new URL(begun.headers.location ?? '', url);
    place.searchParams.set('digest', sha256(body));
    const { status } = await http(place.href, { method: 'PUT', body });
    if (status !== 201) throw new Error(`${place.href} answered ${status}`);
  }
  await pushImage(url, repository, tag, { ...image, blobs: [] });
}
