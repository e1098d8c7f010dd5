/** What a scrape told, to be asked by name and labels. */
export interface Samples {
  /** The sum of the samples of this name that have these labels. Throws when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number
  /** Their labels. */
  labels(name: string): Readonly<Record<string, string>>[]
  /** Name of a family → its type. */
  readonly types: ReadonlyMap<string, string>
  readonly names: ReadonlySet<string>
}

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Reads the text that Prometheus reads, either form of it. Throws at a line that is neither a comment nor a sample. */
export function readSamples(text: string): Samples {
  const types = new Map<string, string>()
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const [, family, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (family !== undefined && type !== undefined) types.set(family, type)
    if (line === '' || line.startsWith('#')) continue
    const [, name, list = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`This is no sample: ${line}`)
    const labels = [...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text])
    samples.push({ name, labels: Object.fromEntries(labels), value: Number(value?.replace('Inf', 'Infinity')) })
  }
  const found = (name: string, labels: Readonly<Record<string, string>>): Sample[] =>
    samples.filter(
      sample => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
  return {
    types,
    names: new Set(samples.map(({ name }) => name)),
    value(name, labels = {}) {
      const all = found(name, labels)
      if (all.length === 0) throw new Error(`No sample of ${name} has ${JSON.stringify(labels)}.`)
      return all.reduce((sum, { value }) => sum + value, 0)
    },
    labels: name => found(name, {}).map(({ labels }) => labels),
  }
}
