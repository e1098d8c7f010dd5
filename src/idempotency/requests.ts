import type { Timestamp } from '../clock.ts'

/** What is kept of the answer to a request: the answer, or of one that carried a secret, whose it was. */
export type KeptAnswer =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | { readonly kind: 'secret'; readonly id: string }

/** A request that may be sent again without being done again. */
export interface KeptRequest {
  /** What was asked, so that another request under the same key is told apart. */
  readonly digest: string
  readonly begunAt: Timestamp
  /** Absent while it is under way, and for ever when the process ended in the middle of it. */
  readonly answer?: KeptAnswer
}

/** Keeps requests that came with an idempotency key, by caller and key. */
export interface RequestStore {
  /** Writes it down as begun; resolves to what is kept when it was there already. */
  begin(id: string, digest: string, at: Timestamp): Promise<KeptRequest | undefined>
  finish(id: string, answer: KeptAnswer): Promise<void>
  /** As if it had never been sent. */
  drop(id: string): Promise<void>
  /** Drops everything begun before this moment. */
  forget(before: Timestamp): Promise<void>
}
