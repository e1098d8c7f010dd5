import { basename, join } from 'node:path'

/** The image that is the folder of this name. */
export function imageIn(folder: string, name: string): string {
  return `file:${join(folder, name)}`
}

/** The version people know an image of a service by: `2` for the folder `web-2`. */
export function versionOf(image: string, service: string): string {
  const folder = basename(image)
  return folder.startsWith(`${service}-`) ? folder.slice(service.length + 1) : folder
}
