// Makes the images of real software that tests pull, unless they are there: npm test runs it ahead of those tests.
import { debianImage } from './build'
import * as recipes from './recipes'

for (const recipe of [recipes.postgres, recipes.nginx, recipes.python]) await debianImage(recipe)
