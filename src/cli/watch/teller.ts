import { once } from 'node:events'
import type { Event, WatchReset } from '../../client/index.ts'
import { type Style, styleOf } from '../style.ts'
import type { World } from '../world.ts'
import type { Progress } from './choose.ts'
import { jsonLine } from './json.ts'
import { Painter } from './painter.ts'
import { heartbeat, heartbeatMs, plainLines } from './plain.ts'
import type { Story } from './story.ts'
import { frameOf } from './tty-frame.ts'

/** Tells a story to whoever looks. */
export interface Teller {
  /** Whether it shows what moves between events: then the deployment is read again each second. */
  readonly live: boolean
  /** An event as it came. Resolves when the next may come. */
  event(event: Event | WatchReset): Promise<void>
  /** How it is now. */
  show(story: Story): void
  /** A word beside the story, that stays. */
  say(text: string): void
  /** A word about the last key. */
  note(text: string | undefined): void
  help(): void
  /** A second has passed. */
  tick(): void
  /** Leaves how it was last. */
  end(): void
}

/** The teller of this kind, on this world. */
export function tellerOf(
  kind: Exclude<Progress, 'auto'>,
  world: World,
  { ascii, keys }: { readonly ascii: boolean; readonly keys: boolean },
): Teller {
  switch (kind) {
    case 'json':
      return jsonTeller(world)
    case 'plain':
      return plainTeller(world, ascii)
    case 'tty':
      return ttyTeller(world, styleOf(world.stderr, world.env, ascii), keys)
  }
}

function jsonTeller({ stdout, stderr }: World): Teller {
  return {
    live: false,
    async event(event) {
      stdout.write(jsonLine(event))
      // Who does not read keeps the stream waiting, not the memory full.
      if (stdout.stream.writableNeedDrain) await once(stdout.stream, 'drain')
    },
    show: () => {},
    say: text => stderr.write(`${text}\n`),
    note: () => {},
    help: () => {},
    tick: () => {},
    end: () => {},
  }
}

function plainTeller(world: World, ascii: boolean): Teller {
  const look = { ascii, github: world.env['GITHUB_ACTIONS'] === 'true' }
  let told: Story | undefined
  let toldAt = world.now()
  const write = (lines: readonly string[]): void => {
    if (lines.length === 0) return
    world.stderr.write(lines.map(line => `${line}\n`).join(''))
    toldAt = world.now()
  }
  return {
    live: false,
    event: async () => {},
    show(story) {
      write(plainLines(told, story, world.now(), look))
      told = story
    },
    say: text => write([text]),
    note: () => {},
    help: () => {},
    tick() {
      if (told && world.now() - toldAt >= heartbeatMs) write([heartbeat(told, world.now(), look)])
    },
    end: () => {},
  }
}

function ttyTeller(world: World, style: Style, keys: boolean): Teller {
  const { stderr } = world
  const painter = new Painter(stderr.stream, () => ({ columns: stderr.columns, rows: stderr.rows }))
  let story: Story | undefined
  let [note, help]: [string | undefined, boolean] = [undefined, false]
  const frame = (withKeys: boolean): string[] =>
    story ? frameOf(story, world.now(), { ...sizeOf(), style, keys: withKeys, note, help }) : []
  const sizeOf = (): { columns: number; rows: number } => ({ columns: stderr.columns, rows: stderr.rows })
  let ended = false
  const draw = (): void => {
    if (!ended) painter.draw(frame(keys))
  }
  stderr.stream.on('resize', draw)
  return {
    live: true,
    event: async () => {},
    show(now) {
      story = now
      draw()
    },
    say(text) {
      if (!ended) painter.above(`${text}\r\n`)
    },
    note(text) {
      note = text
      draw()
    },
    help() {
      help = !help
      draw()
    },
    tick: draw,
    end() {
      if (ended) return
      ended = true
      stderr.stream.off('resize', draw)
      note = undefined
      painter.end(frame(false))
    },
  }
}
