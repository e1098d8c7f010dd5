import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { type Answers, type ControlServer, serveControl } from './control-server.ts'
import type { DataPlane } from './data-plane.ts'
import { socketName } from './find.ts'
import type { Post } from './hand-over.ts'
import type { ProxyLog } from './link.ts'
import { awaitLock, type Lock, takeLock } from './lock.ts'
import { type Place, socketFolder } from './place.ts'
import { writeDurably } from './table-files.ts'

const lookEveryMs = 1000

/** What a presence is made with. */
export interface PresenceParts {
  readonly place: Place
  readonly plane: DataPlane
  readonly answers: Answers
  readonly log: ProxyLog
  /** Another process holds the lock, because its file was removed under us: that one serves. */
  readonly onLost: () => void
}

/**
 * By what the proxy is found and known as the only one: its lock, its control socket, and the files that tell of it. People and their scripts
 * sweep folders, restore them, and fill disks; what is missing is put back, for as long as the process serves.
 */
export class Presence implements Post {
  readonly #parts: PresenceParts
  #lock: Lock | undefined
  #control: ControlServer | undefined
  #watch: NodeJS.Timeout | undefined
  #looking = false
  #ended = false
  #trouble: string | undefined

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  /** Becomes the one that serves, if none does. */
  take(): boolean {
    return this.#hold(takeLock(this.#parts.place.lock))
  }

  /** The same, as soon as the one that does lets go; false after `timeoutMs`. */
  async takeSoon(timeoutMs: number): Promise<boolean> {
    return this.#hold(await awaitLock(this.#parts.place.lock, timeoutMs))
  }

  /** From now on callers find us. */
  async appear(): Promise<void> {
    await this.#look()
    this.#control ??= await serveControl(socketFolder(this.#parts.place), this.#parts.answers)
    this.#watch = setInterval(() => void this.#look(), lookEveryMs)
  }

  leave(): void {
    this.#lock?.release()
    this.#control?.hangUp('upgrade')
  }

  async resume(): Promise<boolean> {
    if (!(await this.takeSoon(1000))) return false
    this.#control?.resume()
    await this.#look()
    return true
  }

  /** Lets go for good. With `keepPath` another process is found there by now. */
  async end(keepPath: boolean): Promise<void> {
    this.#ended = true
    clearInterval(this.#watch)
    await this.#control?.close(keepPath)
    if (!keepPath) await rm(this.#parts.place.process, { force: true })
  }

  #hold(lock: Lock | undefined): boolean {
    if (!lock) return false
    this.#lock = lock
    const { place, log } = this.#parts
    try {
      writeFileSync(place.holder, String(process.pid), { mode: 0o600 })
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'it could not be noted who holds the lock')
    }
    return true
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#parts.plane.leaving) return
    this.#looking = true
    try {
      await this.#putRight()
      this.#trouble = undefined
    } catch (error) {
      // Said once for as long as it lasts: a full disk is full at the next look as well.
      const message = messageOf(error)
      if (message !== this.#trouble)
        this.#parts.log.warn({ error: message }, 'the files of the proxy could not be written; it is tried again')
      this.#trouble = message
    } finally {
      this.#looking = false
    }
  }

  async #putRight(): Promise<void> {
    const { place, plane, log } = this.#parts
    mkdirSync(place.state, { recursive: true, mode: 0o700 })
    if (!this.#lock?.holds && !this.#lockAgain()) return
    const folder = socketFolder(place)
    const told = { pid: process.pid, socket: join(folder, socketName), front: plane.frontPort }
    await this.#tell(place.front, JSON.stringify({ port: plane.frontPort }))
    await this.#tell(place.process, JSON.stringify(told))
    if (await plane.keep()) log.warn({}, 'the folder of the tables was replaced; they are written again')
    if (!this.#control || this.#ended || (await this.#control.reachable())) return
    log.warn({}, 'the control socket is gone; making another')
    void this.#control.close(true)
    this.#control = await serveControl(folder, this.#parts.answers)
  }

  #lockAgain(): boolean {
    const { place, log, onLost } = this.#parts
    const lock = takeLock(place.lock)
    if (!lock) {
      log.warn({}, 'the lock was removed, and another proxy took it; leaving')
      onLost()
      return false
    }
    log.warn({}, 'the lock was removed; it is taken again')
    this.#lock?.release()
    return this.#hold(lock)
  }

  async #tell(file: string, content: string): Promise<void> {
    if (readOr(file) !== content) await writeDurably(this.#parts.place.state, basename(file), content)
  }
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    void error // because a file that can't be read is written anew
    return undefined
  }
}
