/** Whether this address is this machine, whatever it is called. */
export function isThisMachine({ hostname }: URL): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(hostname)
}

/** Whether a token that goes there can be read on its way. */
export function isReadable(url: URL): boolean {
  return url.protocol === 'http:' && !isThisMachine(url)
}

/** The same of an address as it is written; what is none is no such one. */
export function isReadableAt(text: string): boolean {
  return URL.canParse(text) && isReadable(new URL(text))
}
