/** A short name or id that several images share. */
export class AmbiguousImageError extends Error {
  override readonly name = 'AmbiguousImageError';

  constructor(text: string) {
    super(`${text} stands for several images: write more of the id`);
  }
}

/** What was asked would take an image from names that were not mentioned. */
export class ImageConflictError extends Error {
  override readonly name = 'ImageConflictError';
}

/** An image or an archive that cannot be used as what it is said to be. */
export class ImageFormatError extends Error {
  override readonly name = 'ImageFormatError';
}

/** A filter for images that means nothing. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}
