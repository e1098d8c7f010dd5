/** A logger as Slipway uses it; pino's fits. */
export interface Log {
  info(data: object, text: string): void
  warn(data: object, text: string): void
  /** Whether lines of this level are written at all; asked before a line is made of each request. */
  isLevelEnabled?(level: 'info' | 'warn'): boolean
}

const redacted = '[redacted]'

/** Fields that are secrets whatever they say. */
const secretFields: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'secret',
])

/** Tokens, secrets of webhooks and credentials of a request, anywhere in a text. */
const secretForms = /\b(slip_|whsec_)[\w+/=-]+|\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/g

/** So deep is looked into what is logged; below it nothing is told. */
const deepest = 8

/**
 * The same logger, to which no secret comes: fields that are credentials, whatever looks like a token, and the values that `mask` knows are
 * taken out of every line before it is handed on.
 */
export function redactedLog(log: Log, mask: (line: string) => string): Log {
  const clean = (value: unknown, depth = 0): unknown => {
    if (typeof value === 'string') return mask(withoutTokens(value))
    if (typeof value !== 'object' || value === null) return value
    if (depth >= deepest) return redacted
    if (value instanceof Error) {
      const { name, message, stack } = value
      return clean({ name, message, ...(stack === undefined ? {} : { stack }) }, depth)
    }
    if (Array.isArray(value)) return value.map(item => clean(item, depth + 1))
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => [
        key,
        secretFields.has(key.toLowerCase()) ? redacted : clean(field, depth + 1),
      ]),
    )
  }
  const isEnabled = (level: 'info' | 'warn'): boolean => log.isLevelEnabled?.(level) ?? true
  const write = (level: 'info' | 'warn', data: object, text: string): void => {
    if (isEnabled(level)) log[level](clean(data) as object, clean(text) as string)
  }
  return {
    info: (data, text) => write('info', data, text),
    warn: (data, text) => write('warn', data, text),
    isLevelEnabled: isEnabled,
  }
}

function withoutTokens(text: string): string {
  return text.replaceAll(secretForms, (_, prefix: string | undefined, scheme: string | undefined) =>
    prefix === undefined ? `${scheme} ${redacted}` : `${prefix}${redacted}`,
  )
}
