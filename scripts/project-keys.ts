interface Node {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly items?: Node | readonly Node[]
  readonly oneOf?: readonly Node[]
  readonly anyOf?: readonly Node[]
  readonly enum?: readonly unknown[]
  readonly const?: string
}

const begin = '<!-- keys: npm run docs:schema -->'
const end = '<!-- end of keys -->'

/** The page with its tables of keys as the schema has them. */
export function withKeys(page: string, schema: object): string {
  const [before, rest = ''] = page.split(begin)
  const [, after = ''] = rest.split(end)
  return `${before}${begin}\n\n${tables(schema)}\n${end}${after}`
}

function tables(schema: Node): string {
  const service = listed(schema.properties?.['services'])
  const check = service?.properties?.['health_check']
  const parts: [string, Node | undefined][] = [
    ['The file', schema],
    ['policies', schema.properties?.['policies']],
    ['A service', service],
    ...(check?.oneOf ?? check?.anyOf ?? []).map((form): [string, Node] => [
      `health_check of type ${form.properties?.['type']?.const}`,
      form,
    ]),
    ['ports, each', listed(service?.properties?.['ports'])],
    ['volumes, each', listed(service?.properties?.['volumes'])],
    ['resources', service?.properties?.['resources']],
  ]
  return parts.map(([title, node]) => table(title, node)).join('\n')
}

function table(title: string, node: Node | undefined): string {
  const rows = Object.entries(node?.properties ?? {}).map(([name, field]) => {
    const needed = node?.required?.includes(name) ? ' (required)' : ''
    return `| ${name}${needed} | ${kindOf(field)} | ${(field.description ?? '').replaceAll('|', '\\|')} |`
  })
  return `### ${title}\n\n| key | | meaning |\n|---|---|---|\n${rows.join('\n')}\n`
}

function listed(node: Node | undefined): Node | undefined {
  const { items } = node ?? {}
  return items === undefined || Array.isArray(items) ? undefined : (items as Node)
}

function kindOf({ type, enum: values, const: only, oneOf, anyOf, properties }: Node): string {
  if (values) return values.map(String).join(', ')
  if (only !== undefined) return only
  if (oneOf ?? anyOf) return 'one of several forms'
  const kinds: Readonly<Record<string, string>> = {
    string: 'text',
    integer: 'whole number',
    number: 'number',
    boolean: 'true or false',
    array: 'list',
    object: properties ? 'mapping' : 'mapping of names',
  }
  return [type ?? '']
    .flat()
    .map(name => kinds[name] ?? name)
    .join(', ')
}
