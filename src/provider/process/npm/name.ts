import { SlipwayError } from '../../../errors.ts'

/** What an image such as `npm:http-server@^14` asks for. */
export interface PackageName {
  /** `http-server`, or `@shop/api`. */
  readonly name: string
  /** A version, a range or a tag. */
  readonly wanted: string
}

export const npmPrefix = 'npm:'

const form = /^npm:(?<name>(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)(?:@(?<wanted>[^@]*))?$/i
/** Versions, ranges and tags. Nothing that npm would take for a folder, an archive, a repository or an address. */
const versions = /^(?!.*\.(?:tgz|tar|tar\.gz)$)[\w^~<>=*+|][\w .^~<>=*+|-]*$/i

/** Reads the name of an image from npm. Throws `image_unavailable` when it is none. */
export function packageName(image: string): PackageName {
  const { name, wanted = '' } = form.exec(image)?.groups ?? {}
  const shown = JSON.stringify(image.slice(0, 200))
  if (name === undefined || name.length > 214) {
    throw new SlipwayError('image_unavailable', `The image ${shown} does not name a package of npm.`, {
      next: 'Name it with its version, such as npm:http-server@14.1.1.',
    })
  }
  if (wanted.length > 200 || !versions.test(wanted)) {
    const why = wanted === '' ? 'does not say which version' : 'names no version, range or tag'
    throw new SlipwayError('image_unavailable', `The image ${shown} ${why}.`, {
      next: `Say which: a version is best, npm:${name}@latest takes what is newest now.`,
    })
  }
  return { name, wanted }
}

/** The image of exactly this version. */
export function exactImage(name: string, version: string): string {
  return `${npmPrefix}${name}@${version}`
}
