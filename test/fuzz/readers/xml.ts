import { readXml } from '../../../src/xml.js';
import { isPlainError, reader, texts } from '../reader.js';

export const xml = reader({
  name: 'xml',
  grammar: 'xml',
  samples: () =>
    texts(
      '<?xml version="1.0"?><a x="1" y:z=\'2\'><!-- c --><b>d&amp;&#65;</b><c/><![CDATA[<]]></a>',
    ),
  read: (input) => readXml(input.toString('utf8')),
  mayThrow: isPlainError,
});
