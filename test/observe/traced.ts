import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createServer } from '../../src/server/index.ts'
import { createSlipway } from '../../src/slipway.ts'

// A server in a process of its own whose application has set OpenTelemetry up: takes a data folder, tells its address, then each span.

const tell = (word: object): void => void process.send?.(word)
const exporter = {
  export(spans: readonly Parameters<SimpleSpanProcessor['onEnd']>[0][], done: (result: { code: number }) => void) {
    for (const span of spans) {
      const { name, kind, attributes, links, startTime, endTime, status, parentSpanContext: parent } = span
      const { traceId, spanId } = span.spanContext()
      tell({ name, kind, attributes, links, startTime, endTime, status, traceId, spanId, parent: parent?.spanId })
    }
    done({ code: 0 })
  },
  shutdown: async (): Promise<void> => {},
}
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

const [dataDir = ''] = process.argv.slice(2)
const slipway = await createSlipway({ dataDir, log: { info: () => {}, warn: () => {} } })
const { url } = await createServer(slipway).listen()
process.on('disconnect', () => process.exit())
tell({ url })
