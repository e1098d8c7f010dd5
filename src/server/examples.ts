/** An example of each body, by the id of its schema. */
export const examples: Readonly<Record<string, unknown>> = {
  CreateInstance: {
    name: 'shop',
    services: [{ name: 'web', image: 'file:examples/hello-1', replicas: 2, ports: [{ name: 'http' }], expose: true }],
  },
  UpdateInstance: { hosts: ['shop.example'] },
  Scale: { replicas: { web: 3 } },
  Restart: { services: ['web'] },
  DeployRequest: {
    services: [{ name: 'web', image: 'file:examples/hello-2' }],
    strategy: 'canary',
    options: { steps: [50], holdSeconds: 1 },
    notes: 'the new greeting',
  },
  RollbackRequest: { notes: 'the old greeting was better' },
  Promote: { gate: '50%' },
  StoreSecret: { name: 'api-key', value: 'hush-hush' },
  RotateSecret: { value: 'hush-hush-2' },
  CreateToken: { name: 'ci', scopes: ['deploy'], expires_in_days: 30 },
  RotateToken: { overlap_seconds: 600 },
}
