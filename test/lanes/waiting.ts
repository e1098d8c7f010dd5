import { run } from './lane.ts'

run('waiting')
