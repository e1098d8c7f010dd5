import type { Registry } from 'prom-client'

/** How metrics are written down. */
export type Format = 'text' | 'openmetrics'

export const contentTypes = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const satisfies Readonly<Record<Format, string>>

/** What a registry tells, in this format. prom-client renames the counters themselves when it writes OpenMetrics, so that one is written here. */
export async function exposition(registry: Registry, format: Format): Promise<string> {
  if (format === 'text') return await registry.metrics()
  const metrics = (await registry.getMetricsAsJSON()) as unknown as readonly Told[]
  return `${metrics.flatMap(family).join('\n')}\n# EOF\n`
}

interface Told {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly {
    readonly value: number
    readonly metricName?: string
    readonly labels: Readonly<Record<string, string | number>>
  }[]
}

/** A family is named without the `_total` of its counters' samples. */
function family({ name, help, type, values }: Told): string[] {
  const family = type === 'counter' ? name.replace(/_total$/, '') : name
  const samples = values.map(
    ({ metricName = name, labels, value }) => `${metricName}${labelled(labels)} ${number(value)}`,
  )
  return [`# TYPE ${family} ${type}`, `# HELP ${family} ${escaped(help)}`, ...samples]
}

function labelled(labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
