import { InvalidArgumentError } from 'commander'
import type { TrackedRelease } from '../../client/index.ts'
import { agoOf, spanOf } from '../ago.ts'
import { cell, columns } from '../columns.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import { instanceMeant } from '../find.ts'
import { shown } from '../shown.ts'
import type { Mood, Style } from '../style.ts'
import { count } from '../values.ts'

/** `slipway releases INSTANCE` */
export const releases: CommandFile = {
  declare(command) {
    command
      .argument('<instance>', 'its name, tenant/name or id')
      .option('-n, --count <n>', 'so many of the newest', some, 20)
    examples(command, 'slipway releases shop', 'slipway releases shop -n 4', 'slipway releases shop --json')
  },
  async perform(cli, [name]: [string], { count: most }: { readonly count: number }) {
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    const pages = client.releases.list(of.id, { limit: Math.min(most, 200) }, { signal })
    const found: TrackedRelease[] = []
    let page = await pages.page()
    for (found.push(...page.items); found.length < most && page.next_cursor !== undefined; ) {
      page = await pages.page(page.next_cursor)
      found.push(...page.items)
    }
    found.length = Math.min(found.length, most)
    if (cli.json) cli.printJson(found)
    else if (found.length === 0) cli.tell(`No releases of ${shown(of.name)} yet. Make one:  slipway deploy ${of.name}`)
    else {
      const now = cli.world.now()
      const rows = found.map(release => rowOf(release, now, cli.style))
      for (const line of columns(['', 'REL', 'STATE', 'IMAGE', 'BY', 'WHEN', 'RAN FOR', 'OUTCOME'], rows))
        cli.print(line)
      const more = page.total - found.length
      if (more > 0) cli.tell(`${more} more:  slipway releases ${of.name} -n ${page.total}`)
    }
    return exit.done
  },
}

function rowOf(release: TrackedRelease, now: number, style: Style): string[] {
  return [
    release.active ? style.arrow : '',
    `v${release.version}`,
    stateOf(release),
    imagesOf(release),
    cell(release.outcome?.initiator),
    agoOf(release.created_at, now),
    cell(release.ran_for_ms === undefined ? undefined : spanOf(release.ran_for_ms)),
    outcomeOf(release, style),
  ]
}

/** What can be had of it now. */
function stateOf({ active, outcome, restorable, pruned_at }: TrackedRelease): string {
  if (active) return 'serving'
  if (outcome?.state === 'pending' || outcome?.state === 'running') return 'coming'
  if (restorable) return 'ready'
  return pruned_at === undefined ? 'withdrawn' : 'expired'
}

/** The images by the end of their names, which is what tells two of them apart. */
function imagesOf({ services }: TrackedRelease): string {
  const [first, ...others] = services.map(({ image }) => image.slice(image.lastIndexOf('/') + 1))
  return others.length === 0 ? cell(first) : `${cell(first)} +${others.length}`
}

function outcomeOf({ outcome, active, restorable, unrestorable }: TrackedRelease, style: Style): string {
  if (!outcome) return '-'
  const [mood, word, why] = said(outcome)
  const sign = style.mood(mood, [style.glyph(mood), word].filter(Boolean).join(' '))
  const because = why === undefined ? '' : `: ${shown(why)}`
  const lost = active || restorable || unrestorable === undefined || outcome.state !== 'succeeded'
  return `${sign}${because}${lost ? '' : `, cannot be restored: ${shown(unrestorable)}`}`
}

function said({
  state,
  restored,
  error,
}: NonNullable<TrackedRelease['outcome']>): readonly [Mood, string, (string | undefined)?] {
  switch (state) {
    case 'pending':
      return ['waiting', 'queued']
    case 'running':
      return ['moving', 'rolling out']
    case 'succeeded':
      return ['good', '']
    case 'rolled_back':
      return ['undone', 'rolled back']
    case 'cancelled':
      return ['off', 'cancelled']
    case 'failed':
      return restored === false ? ['bad', 'failed, not restored', error] : ['undone', 'failed, restored', error]
  }
}

function some(text: string): number {
  const number = count(text)
  if (number > 0) return number
  throw new InvalidArgumentError('It is at least 1.')
}
