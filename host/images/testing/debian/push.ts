import { run } from '@/platform/exec'
import { debianImage } from './build'
import type { DebianRecipe } from './recipes'

/** Pushes an image of a recipe as `NAME[:TAG]` to a registry that speaks plain HTTP at `host`; its full name there. */
export async function pushDebianImage(host: string, name: string, recipe: DebianRecipe): Promise<string> {
  const image = `${host}/${name}`
  await run('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${await debianImage(recipe)}`, `docker://${image}`], { timeoutMs: 120_000 })
  return image
}
