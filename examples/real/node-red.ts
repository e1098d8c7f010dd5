import type { Play } from '../../src/demo/stage/play.ts'
import { writes } from './files.ts'

const [old, new_] = ['4.1.15', '5.0.7'] as const

const answer = 'The same flow in every version.\n'.repeat(20)

/** GET /hello answers the same whichever version runs the flow, and names the version in a header. */
const flows = [
  { id: 'tab', type: 'tab', label: 'Hello' },
  { id: 'in', type: 'http in', z: 'tab', url: '/hello', method: 'get', wires: [['fn']] },
  {
    id: 'fn',
    type: 'function',
    z: 'tab',
    func: `msg.headers = { 'x-node-red': global.get('version') }\nmsg.payload = ${JSON.stringify(answer)}\nreturn msg`,
    outputs: 1,
    wires: [['out']],
  },
  { id: 'out', type: 'http response', z: 'tab', wires: [] },
]

/** Settings of both versions. `require.main` is the Node-RED that reads them. */
const settings = `module.exports = {
  flowFile: 'flows.json',
  functionGlobalContext: { version: require.main.require('./package.json').version },
  // Flows are released, not edited where they run: both versions only read them.
  disableEditor: true,
}
`

/**
 * Node-RED from one major version to the next by blue-green, and back, while the control plane is killed in the middle.
 *
 * For a while both versions run on one `$DATA`. That is safe here, and this is why: flows and settings are only read; what each writes
 * when it starts (`.config.nodes.json`, a cache of the nodes it found) replaces the file in one rename, is never read by one that runs already,
 * and is made anew by the next to start. There is one replica, so no two start at once; their temporary files have one name. Flows that
 * act by themselves, on a timer or a message, would act twice meanwhile: such a service is `exclusive`, and has a gap instead.
 */
export const nodeRed: Play = {
  title: `Slipway: Node-RED ${old} and ${new_} under load, and the control plane killed`,
  preparing: `looking Node-RED ${old} up in npm`,
  opening: `node-red ${old}`,
  instance: {
    name: 'automation',
    policies: { drainMs: 5000, progressDeadlineMs: 60_000 },
    services: [
      {
        name: 'node-red',
        image: `npm:node-red@${old}`,
        before: writes({ 'flows.json': JSON.stringify(flows), 'settings.js': settings }),
        args: ['-p', '$PORT', '-u', '$DATA'],
        expose: true,
        ports: [{ name: 'http' }],
        // It listens before its flows have started, so what is asked is the flow.
        healthCheck: { type: 'http', path: '/hello', minHealthyMs: 300 },
      },
    ],
  },
  acts: [
    {
      kind: 'deploy',
      what: `node-red ${old} → ${new_}, control plane killed`,
      strategy: 'blue-green',
      images: { 'node-red': `npm:node-red@${new_}` },
      killAt: 'run',
      ends: 'succeeded',
      later: 'rolled_back',
    },
    { kind: 'rollback', what: `rollback, node-red ${new_} → ${old}`, ends: 'succeeded' },
  ],
  load: {
    rps: 250,
    path: '/hello',
    expect: { type: 'exact', service: 'node-red', body: answer, versionHeader: 'x-node-red' },
  },
}
