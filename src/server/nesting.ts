/** How deep the lists and objects of a body may be nested: more than anything here has, and little enough for whatever walks through them. */
export const maxNesting = 64

const [quote, backslash, openList, closeList, openObject, closeObject] = Buffer.from('"\\[]{}')

/** Whether JSON is nested deeper than that. Looks at bytes, so it costs no stack, and nothing of a text counts. */
export function isTooDeep(json: Uint8Array, most = maxNesting): boolean {
  let depth = 0
  let inText = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (inText) {
      if (byte === backslash) at++
      else if (byte === quote) inText = false
    } else if (byte === quote) inText = true
    else if (byte === openList || byte === openObject) {
      if (++depth > most) return true
    } else if (byte === closeList || byte === closeObject) depth--
  }
  return false
}
