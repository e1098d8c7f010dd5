import { basename, join } from 'node:path'

/** The image that is the folder of this name; a name that says where it comes from is one already. */
export function imageIn(folder: string, name: string): string {
  return name.startsWith('npm:') ? name : `file:${join(folder, name)}`
}

/** The version people know an image of a service by: `2` for the folder `web-2`, `14.1.1` for `npm:http-server@14.1.1`. */
export function versionOf(image: string, service: string): string {
  if (image.startsWith('npm:')) return image.slice(image.lastIndexOf('@') + 1)
  const folder = basename(image)
  return folder.startsWith(`${service}-`) ? folder.slice(service.length + 1) : folder
}
