import { SlipwayError } from '../../errors.ts'
import { npmPrefix } from './npm/name.ts'

/** The error when the copy of an image is not there, or not all of it. */
export function imageGone(image: string, digest?: string): SlipwayError {
  const which = digest === undefined ? '' : ` (${digest.slice(0, 19)})`
  return new SlipwayError('image_gone', `The copy of the image ${image}${which} is not complete any more.`, {
    next: image.startsWith(npmPrefix) ? 'Deploy the image again.' : 'Deploy the image again from its folder.',
  })
}
