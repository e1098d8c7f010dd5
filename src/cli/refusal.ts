import { SlipwayApiError, SlipwayConnectionError } from '../client/index.ts'
import { errorCodes, isSlipwayError, messageOf } from '../errors.ts'
import { type ExitCode, exit } from './exit.ts'

/** Why a command does not do what it was asked: what, why, and what to type next. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly exitCode: ExitCode
  /** A stable word for programs. */
  readonly code: string
  readonly next: readonly string[]

  constructor(exitCode: ExitCode, code: string, message: string, ...next: string[]) {
    super(message)
    this.exitCode = exitCode
    this.code = code
    this.next = next
  }
}

/** An error as it is told: to a person as text, to a program as JSON. */
export interface Told {
  readonly exitCode: ExitCode
  readonly code: string
  /** What happened and why, in a sentence. */
  readonly what: string
  /** The fields that were refused, each with what is wrong with it. */
  readonly why: readonly string[]
  /** What to do or to type now. */
  readonly next: readonly string[]
  readonly requestId?: string
}

/** What is told of any error that a command ends with. */
export function toldOf(error: unknown): Told {
  if (error instanceof Refusal) {
    return { exitCode: error.exitCode, code: error.code, what: error.message, why: [], next: error.next }
  }
  if (error instanceof SlipwayApiError) return ofProblem(error)
  if (error instanceof SlipwayConnectionError) {
    return {
      exitCode: exit.unexpected,
      code: `connection_${error.reason}`,
      what: error.message,
      why: [],
      next: ['Is the server up?  slipway doctor', 'Start one here:    slipway up'],
    }
  }
  if (isSlipwayError(error)) {
    return {
      exitCode: exitOf(error.code, errorCodes[error.code].status),
      code: error.code,
      what: error.message,
      why: (error.fields ?? []).map(({ pointer, detail }) => `${pointer}: ${detail}`),
      next: error.next === undefined ? [] : [error.next],
    }
  }
  return {
    exitCode: exit.unexpected,
    code: 'internal',
    what: messageOf(error),
    why: [],
    next: ['This is a defect. Run it again with SLIPWAY_DEBUG=1 to see where.'],
  }
}

function ofProblem(error: SlipwayApiError): Told {
  return {
    exitCode: exitOf(error.code, error.status),
    code: error.code,
    what: whatOf(error),
    why: error.errors.map(({ pointer, detail }) => `${pointer}: ${detail}`),
    next: [
      ...error.try.filter(({ href }) => href === undefined).map(({ label, command }) => command ?? typed(label)),
      ...nextOf(error),
    ],
    ...(error.request_id === undefined ? {} : { requestId: error.request_id }),
  }
}

/** The sentence without the first of the fields: they are told below it, all of them. */
function whatOf({ detail, errors: [first] }: SlipwayApiError): string {
  const told = first && `: ${first.pointer} ${first.detail}.`
  return told !== undefined && detail.endsWith(told) ? `${detail.slice(0, -told.length)}.` : detail
}

/** Where the server says to look through a list, the command that lists. */
function typed(label: string): string {
  if (label === 'List the deployments to see which there are.') return 'See what runs:  slipway ps'
  if (label === 'List the tasks to see which there are.')
    return 'See what became of them:  slipway events --type task.queued'
  return label.replace(
    /^List the (instances|secrets|tenants|tokens|webhooks) to see which there are\.$/,
    'See them:  slipway $1 list',
  )
}

/** What to type about it here, where the server could only say what to do. */
function nextOf({ code, errors, problem }: SlipwayApiError): string[] {
  if (code === 'unauthenticated') return ['Log in:  slipway login']
  if (code === 'forbidden') return ['As somebody who may:  --context NAME, or slipway login']
  if (errors.some(({ pointer }) => pointer === '/tenant')) return ['Here:  --tenant NAME, or SLIPWAY_TENANT']
  const deployment = problem?.['deployment_id']
  if (typeof deployment !== 'string') return []
  const look = `Look:        slipway watch ${deployment}`
  if (code !== 'instance_busy') return [look]
  return [look, 'Wait for it: the same again with --queue', 'Replace it:  the same again with --supersede']
}

/** How a command ends that was refused with this code. */
function exitOf(code: string, status: number | undefined): ExitCode {
  if (notAllowed.has(code)) return exit.notAllowed
  if (code === 'not_found') return exit.notFound
  if (status === 409 || status === 412 || status === 428) return exit.conflict
  if (status !== undefined && status >= 400 && status < 500 && status !== 429) return exit.usage
  return exit.unexpected
}

const notAllowed: ReadonlySet<string> = new Set(['unauthenticated', 'forbidden', 'quota_exceeded', 'tenant_suspended'])
