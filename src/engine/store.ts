export type * from '../deploy/work.ts'
