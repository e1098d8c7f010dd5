import { run } from './lane.ts'

run('crowded')
