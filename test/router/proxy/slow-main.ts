import { setTimeout as delay } from 'node:timers/promises'

// A new process that takes its time, so that something can happen meanwhile.

await delay(1000)
await import('../../../src/router/proxy/main.ts')
