/** What stands in the place of a secret. */
export const mask = '•••'

/** Shorter values, and lines of values, are not masked: every third word would be. */
export const shortestMasked = 3

/** From this length on a value is also found inside base64 of something longer, such as `user:password` in a header. */
const shortestEmbedded = 8

/**
 * Takes secrets out of lines. Each value is found as it is, as base64 (also in the middle of something encoded), URL-encoded and as JSON
 * writes it; a value of several lines line by line. Values shorter than {@link shortestMasked} characters are left alone.
 *
 * @example
 * const masked = masker(['hunter2'])
 * masked('login with hunter2') // 'login with •••'
 */
export function masker(values: Iterable<string>): (line: string) => string {
  const forms = [...new Set([...values].flatMap(formsOf))]
  if (forms.length === 0) return line => line
  return line => {
    const found = forms.flatMap(form => placesOf(form, line))
    return found.length === 0 ? line : withoutPlaces(line, found)
  }
}

type Place = readonly [start: number, end: number]

function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/u).map(line => line.trim())
  return [value, value.trim(), ...lines].filter(part => part.length >= shortestMasked).flatMap(encodingsOf)
}

function encodingsOf(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1)
  const url = encodeURIComponent(text.toWellFormed())
  return [
    text,
    json,
    url,
    url.replaceAll('%20', '+'),
    url.replaceAll(/%../gu, hex => hex.toLowerCase()),
    ...base64sOf(text),
  ]
}

/** Base64 depends on where in its source a text begins, so there are three; their edges depend on the neighbours and are cut off. */
function base64sOf(text: string): string[] {
  const bytes = Buffer.from(text)
  const whole = bytes.toString('base64').replace(/=+$/u, '')
  const embedded = bytes.length < shortestEmbedded ? [] : [0, 1, 2].map(offset => embeddedBase64(bytes, offset))
  return [whole, ...embedded].flatMap(form => [form, form.replaceAll('+', '-').replaceAll('/', '_')])
}

function embeddedBase64(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/u, '')
  const first = Math.ceil((offset * 8) / 6)
  const last = Math.floor(((offset + bytes.length) * 8) / 6)
  return encoded.slice(first, last)
}

function placesOf(form: string, line: string): Place[] {
  const places: Place[] = []
  for (let at = line.indexOf(form); at !== -1; at = line.indexOf(form, at + 1)) places.push([at, at + form.length])
  return places
}

/** Overlapping places become one: what one secret leaves over must not be the rest of another. */
function withoutPlaces(line: string, places: Place[]): string {
  let result = ''
  let done = 0
  let [start, end] = [-1, -1]
  const close = () => {
    if (end > start) result += line.slice(done, start) + mask
    done = Math.max(done, end)
  }
  for (const [from, to] of places.sort((a, b) => a[0] - b[0])) {
    if (from < end) {
      end = Math.max(end, to)
      continue
    }
    close()
    start = from
    end = to
  }
  close()
  return result + line.slice(done)
}
