import { type ErrorCode, isSlipwayError, messageOf, roomFault, SlipwayError } from '../../../errors.ts'
import { NpmFailure } from './run.ts'

/** What was being done. */
export type During = 'resolve' | 'prepare'

/**
 * The error for what went wrong with an image from npm: `disk_full`, and else, while it is looked up, `image_unavailable`. While it is
 * installed, an outage of the registry is `unavailable`, and asked again.
 */
export function npmFault(image: string, given: unknown, during: During): SlipwayError {
  const error = roomFault(given, `The image ${image} cannot be had`)
  if (isSlipwayError(error)) return error
  const { why, next, passes } = reading(image, error)
  const code: ErrorCode = passes && during === 'prepare' ? 'unavailable' : 'image_unavailable'
  return new SlipwayError(code, `The image ${image} cannot be had: ${why}.`, { next, cause: error })
}

interface Reading {
  readonly why: string
  readonly next: string
  /** Whether it may be otherwise in a while. */
  readonly passes?: boolean
}

/** What npm and the system say when the registry can't be reached, or hangs up. */
const outage =
  /^(?:ENOTFOUND|EAI_AGAIN|ECONN\w+|ENETUNREACH|ENETDOWN|EHOSTUNREACH|E?TIMEDOUT|EPIPE|EIDLETIMEOUT|ERR_SOCKET_\w+|ERR_STREAM_\w+|FETCH_ERROR|E429|E5\d\d)$/

function reading(image: string, error: unknown): Reading {
  const code = codeOf(error)
  const said = messageOf(error).replace(/\s+/g, ' ').replace(/\.$/, '').slice(0, 400)
  if (outage.test(code) || /timeout/i.test(said)) {
    return {
      why: `npm's registry does not answer (${said})`,
      next: 'Try again when the registry can be reached, and look at the registry, proxy and certificates npm is configured with.',
      passes: true,
    }
  }
  switch (code) {
    case 'ENONPM':
      return { why: 'there is no npm on this machine', next: 'Install npm beside Node or on the PATH of Slipway.' }
    case 'E404':
      return {
        why: `the registry has no such package (${said})`,
        next: 'Mend its name, or let npm know the registry that has it.',
      }
    case 'ETARGET':
    case 'ENOVERSIONS':
      return {
        why: `there is no such version (${said})`,
        next: `Look which there are: npm view ${bare(image).replace(/(?<=.)@.*/, '')} versions.`,
      }
    case 'E401':
    case 'E403':
    case 'ENEEDAUTH':
      return {
        why: `the registry does not let npm have it (${said})`,
        next: 'Give npm a token for it, in its own configuration.',
      }
    case 'EBADENGINE':
      return {
        why: `it does not run on this Node, ${process.version} (${said})`,
        next: 'Take a version that does, or run Slipway on a Node that it wants.',
      }
    case 'EBADPLATFORM':
      return { why: `it is not for this machine (${said})`, next: 'Take a package that runs on it.' }
    case 'EINTEGRITY':
    case 'TAR_BAD_ARCHIVE':
    case 'Z_DATA_ERROR':
    case 'Z_BUF_ERROR':
      return {
        why: `what the registry sent is not what it was when the release was made (${said})`,
        next: 'Find out who changed the package. Deploying the image again takes what the registry has now.',
      }
    case 'ERESOLVE':
      return { why: `its dependencies contradict each other (${said})`, next: 'Take another version of it.' }
    default:
      return { why: said, next: `See what npm itself says: npm install ${bare(image)}.` }
  }
}

function codeOf(error: unknown): string {
  if (error instanceof NpmFailure) return error.code
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}

/** What npm calls it. */
function bare(image: string): string {
  return image.replace(/^npm:/, '')
}
