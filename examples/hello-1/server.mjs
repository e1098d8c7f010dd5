// Release 1 of the smallest service there is: it listens where it is told, and ends when it is told to.
import { createServer } from 'node:http'

const server = createServer((_request, response) => response.end('hello from release 1\n'))
server.listen(Number(process.env.PORT), '127.0.0.1')
process.on('SIGTERM', () => server.close())
