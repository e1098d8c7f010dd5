import { run } from './lane.ts'

run('others')
