import { isStoreSettingKey, storeSetting } from '../../command-line.js';
import { words, type Offer } from './offer.js';
import { images, instances, IS_USABLE, networks, settings, type Stored } from './store-names.js';

/** Settings to be set: their keys with an equals sign, and behind that their values. */
export async function offerAssignments(from: Stored, typed: string): Promise<Offer> {
  const at = typed.indexOf('=');
  if (at < 0) {
    const keys = await settings(from);
    return words(
      keys.map((key) => `${key}=`),
      { goesOn: true },
    );
  }
  const key = typed.slice(0, at);
  if (key === 'local.default.cloud-init') return words([], { paths: 'files' });
  return words((await valuesOf(from, key)).map((value) => `${key}=${value}`));
}

async function valuesOf(from: Stored, key: string): Promise<readonly string[]> {
  switch (key) {
    case 'client.primary-name':
      return await instances(from, IS_USABLE);
    case 'local.bridged-network':
      return await networks(from);
    case 'local.default.image':
      return await images(from);
    default:
      if (isStoreSettingKey(key)) return storeSetting(key).values ?? [];
      if (/^local\.[^.]+\.autostart$/.test(key)) return ['true', 'false'];
      return /^local\.[^.]+\.bridged$/.test(key) ? ['true'] : [];
  }
}
