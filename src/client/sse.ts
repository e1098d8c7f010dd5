/** A block of a stream of server-sent events. */
export interface Block {
  /** The place after it; blocks without data say it too. */
  readonly id?: string
  readonly event: string
  /** Absent: only a place, a pause or a comment. */
  readonly data?: string
  /** The pause before a stream is opened again, milliseconds. */
  readonly retryMs?: number
}

/**
 * Takes a stream's text in pieces, however it was cut, and gives the blocks that are whole. What a broken connection leaves unfinished is
 * no block: it is told again.
 */
export function blockReader(): (piece: string) => Block[] {
  let rest = ''
  let fields: [string, string][] = []
  return piece => {
    const lines = (rest + piece).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    const blocks: Block[] = []
    for (const line of lines) {
      if (line !== '') {
        fields.push(fieldOf(line))
        continue
      }
      if (fields.length > 0) blocks.push(blockOf(fields))
      fields = []
    }
    return blocks
  }
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  return [line.slice(0, colon), line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))]
}

function blockOf(fields: readonly (readonly [string, string])[]): Block {
  const last = (name: string): string | undefined => fields.findLast(([field]) => field === name)?.[1]
  const data = fields.filter(([field]) => field === 'data').map(([, value]) => value)
  const [id, retry] = [last('id'), last('retry')]
  return {
    event: last('event') ?? 'message',
    ...(id === undefined || id.includes('\0') ? {} : { id }),
    ...(data.length === 0 ? {} : { data: data.join('\n') }),
    ...(retry !== undefined && /^\d+$/.test(retry) ? { retryMs: Number(retry) } : {}),
  }
}
