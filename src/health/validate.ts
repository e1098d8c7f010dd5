import { SlipwayError } from '../errors.ts'
import type { ServiceSpec } from '../instance/service.ts'
import type { HealthCheck } from './check.ts'

/**
 * Refuses a health check that could never succeed: `unknown_port` when it names a port the service does not declare,
 * `bad_health_check` for everything else.
 */
export function validateHealthCheck(check: HealthCheck, service: Pick<ServiceSpec, 'name' | 'ports'>): void {
  const refuse = (why: string, next: string): never => {
    throw new SlipwayError(
      'bad_health_check',
      `The health check of service "${service.name}" could never succeed: ${why}.`,
      { next },
    )
  }

  switch (check.type) {
    case 'http':
      validatePort(check, service, refuse)
      validateHttp(check, refuse)
      break
    case 'tcp':
      validatePort(check, service, refuse)
      break
    case 'command':
      if (!check.command[0]?.trim()) refuse('its command is empty', 'Name the program to run: ["./healthy"].')
      break
    default:
      refuse(`it has the unknown type "${String((check as { type: unknown }).type)}"`, 'Use http, tcp or command.')
  }
  validateTiming(check, refuse)
}

type Refuse = (why: string, next: string) => never

function validatePort(
  check: Exclude<HealthCheck, { type: 'command' }>,
  service: Pick<ServiceSpec, 'name' | 'ports'>,
  refuse: Refuse,
): void {
  const ports = (service.ports ?? []).map(port => port.name)
  if (ports.length === 0) {
    refuse(`the service has no port to ask by ${check.type}`, 'Declare a port, or use a command check.')
  }
  if (check.port !== undefined && !ports.includes(check.port)) {
    throw new SlipwayError(
      'unknown_port',
      `The health check of service "${service.name}" names port "${check.port}", which it does not declare.`,
      {
        next: `Its ports are: ${ports.join(', ')}.`,
      },
    )
  }
}

function validateHttp(
  { path = '/', status, headers = {} }: Extract<HealthCheck, { type: 'http' }>,
  refuse: Refuse,
): void {
  // What node would refuse to send, and what a URL can't hold.
  if (!/^\/[\x21-\x7e]*$/u.test(path)) {
    refuse(`its path ${JSON.stringify(path)} is not one`, 'A path starts with / and is percent-encoded: /healthz.')
  }
  if (status) {
    const [least, most] = status
    if (!(least <= most)) refuse(`no status is from ${least} to ${most}`, 'Give the lower one first: [200, 299].')
    if (!(least >= 100 && most <= 599))
      refuse(`its statuses ${least} to ${most} are out of range`, 'Statuses are from 100 to 599.')
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/u.test(name) || /[^\t\x20-\x7e\x80-\xff]/u.test(value)) {
      refuse(`its header "${name}" can't be sent`, 'Use plain names and values without line breaks.')
    }
  }
}

function validateTiming(check: HealthCheck, refuse: Refuse): void {
  for (const name of ['intervalMs', 'timeoutMs'] as const) {
    const value = check[name]
    if (value !== undefined && !(value > 0 && Number.isFinite(value))) {
      refuse(`its ${name} is ${value}`, `Give ${name} more than 0 milliseconds.`)
    }
  }
  for (const name of ['healthyAfter', 'unhealthyAfter'] as const) {
    const value = check[name]
    if (value !== undefined && !(value >= 1 && Number.isInteger(value))) {
      refuse(`its ${name} is ${value}`, `Give ${name} a whole number from 1.`)
    }
  }
  const { minHealthyMs } = check
  if (minHealthyMs !== undefined && !(minHealthyMs >= 0 && Number.isFinite(minHealthyMs))) {
    refuse(`its minHealthyMs is ${minHealthyMs}`, 'Give minHealthyMs 0 milliseconds or more.')
  }
}
