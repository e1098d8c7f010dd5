// What the action runs: asks for the deployment, says its id to the steps after it, and follows it to its end. Its exit code is the job's.
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

const { env } = process
const [command = 'npx', ...before] = env.SLIPWAY_COMMAND
  ? env.SLIPWAY_COMMAND.split(' ')
  : ['npx', '--yes', `slipway@${env.VERSION || 'latest'}`]

const asked = await slipway(['deploy', ...request(), '--detach', '--json', '--yes'], 'keep')
if (asked.code === 0) {
  const { id, release_id } = JSON.parse(asked.out)
  output(`deployment=${id}\nrelease=${release_id}\n`)
  const followed = await slipway(['watch', id, '--progress=plain', ...waiting()], 'show')
  summary(`Deployment \`${id}\` of release \`${release_id}\`: ${meaning(followed.code)}.\n`)
  process.exitCode = followed.code
} else {
  process.exitCode = asked.code
}

function request() {
  const images = lines(env.IMAGES).flatMap(image => ['--image', image])
  const target = env.FILE ? ['-f', env.FILE] : [env.INSTANCE ?? '']
  const said = { '--strategy': env.STRATEGY, '--notes': env.NOTES, '--commit': env.GITHUB_SHA }
  return [...target, ...images, ...Object.entries(said).flatMap(([flag, value]) => (value ? [flag, value] : []))]
}

function waiting() {
  return [
    ...(env.TIMEOUT ? ['--timeout', env.TIMEOUT] : []),
    ...(env.CANCEL_ON_INTERRUPT === 'true' ? ['--cancel-on-interrupt'] : []),
  ]
}

function lines(text = '') {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}

/** Runs one command line. No shell reads it. */
function slipway(args, stdout) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...before, ...args], {
      stdio: ['ignore', stdout === 'keep' ? 'pipe' : 'inherit', 'inherit'],
    })
    let out = ''
    child.stdout?.on('data', chunk => (out += chunk))
    const passOn = signal => child.kill(signal)
    process.on('SIGINT', passOn).on('SIGTERM', passOn)
    child.on('error', reject)
    child.on('close', code => {
      process.off('SIGINT', passOn).off('SIGTERM', passOn)
      resolve({ code: code ?? 1, out })
    })
  })
}

function output(text) {
  if (env.GITHUB_OUTPUT) appendFileSync(env.GITHUB_OUTPUT, text)
}

function summary(text) {
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, text)
}

function meaning(code) {
  const meanings = {
    0: 'succeeded',
    3: 'failed, and what served before could not be restored',
    7: 'was cancelled',
    8: 'failed, and what served before serves again',
    124: 'still running when the time to wait was over',
  }
  return meanings[code] ?? `ended with ${code}`
}
