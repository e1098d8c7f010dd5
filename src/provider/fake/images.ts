import { createHash } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import type { ResolvedImage } from '../provider.ts'

/** What a test may say of an image. */
export interface ImageScript {
  /** What the name means from now on; other content, other digest. Default: the name itself. */
  readonly content?: string
  /** Fails to be looked up (`resolve`), or is gone when it is fetched (`prepare`). `false` brings it back. */
  readonly unavailable?: 'resolve' | 'prepare' | false
  /** How long it takes to fetch. Default 0. */
  readonly prepareMs?: number
}

/** The images the fake platform knows: every name that begins with `fake:`. */
export interface FakeImages {
  set(image: string, script: ImageScript): void
  /** Throws `image_unavailable`. */
  resolve(image: string): ResolvedImage
  /** Whether an image resolved to it and was not pruned since. */
  has(digest: string): boolean
  /** Forgets every digest but these and those resolved, fetched or asked for within `idleMs`; returns them. */
  prune(keep: ReadonlySet<string>, idleMs: number): string[]
  /** How long fetching takes. Throws `image_gone`, also for a digest that no image ever resolved to. */
  prepare(image: string, digest: string): number
}

/** All images there, none changed. */
export function fakeImages(clock: Pick<Clock, 'monotonic'>): FakeImages {
  const scripts = new Map<string, ImageScript>()
  const known = new Map<string, number>()
  const use = (digest: string) => void known.set(digest, clock.monotonic())
  return {
    set: (image, script) => void scripts.set(image, { ...scripts.get(image), ...script }),
    resolve(image) {
      if (!/^fake:./u.test(image)) {
        throw new SlipwayError('image_unavailable', `The fake provider has no image "${image}".`, {
          next: 'Its images are named fake:<anything>.',
        })
      }
      const script = scripts.get(image)
      if (script?.unavailable === 'resolve') {
        throw new SlipwayError('image_unavailable', `The image "${image}" is not there.`, {
          next: 'It was scripted to be unavailable.',
        })
      }
      const content = script?.content ?? image
      const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
      use(digest)
      return { image, digest }
    },
    has(digest) {
      if (known.has(digest)) use(digest)
      return known.has(digest)
    },
    prune(keep, idleMs) {
      const unused = [...known].filter(([digest, at]) => !keep.has(digest) && clock.monotonic() - at >= idleMs)
      for (const [digest] of unused) known.delete(digest)
      return unused.map(([digest]) => digest)
    },
    prepare(image, digest) {
      const script = scripts.get(image)
      if (script?.unavailable === 'prepare' || !known.has(digest)) {
        throw new SlipwayError('image_gone', `The image "${image}" (${digest}) cannot be fetched any more.`, {
          next: script?.unavailable ? 'It was scripted to be gone.' : 'No image of this world ever resolved to it.',
        })
      }
      use(digest)
      return script?.prepareMs ?? 0
    },
  }
}
