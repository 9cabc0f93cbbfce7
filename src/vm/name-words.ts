/*
 * The words that names of instances are made of: friendly ones, lower-case letters, twelve at most.
 */

/** What a machine may be like. */
export const ADJECTIVES: readonly string[] = `
  able active adept agile airy alert alive amber ample apt ardent artful autumn avid awake aware azure balanced
  balmy beaming blissful blithe bold bonny bouncy brainy brave breezy bright brisk bronze bubbly buoyant busy calm
  candid capable carefree careful caring cheerful cheery chipper chirpy chummy civic classic clean clear clever
  close cloudless coastal colorful comfy composed content cool copper coral cordial cosmic courteous cozy
  creamy creative crimson crisp crystal curious curly daily dainty dancing dapper daring dawning dazzling dear
  decent deep deft devoted dewy diligent direct discreet dreamy driven dulcet durable dusky eager early earnest
  earthy easy ebony elated elegant eloquent emerald eminent enchanted endearing endless enduring engaging equal
  even exact fabled fair faithful famous fancy fearless feathery festive fine firm fit fleet floral flowing fluent
  fluffy fond forest frank free fresh friendly frosty frugal fruitful full funny gallant generous genial gentle
  genuine gifted giving glad gleaming glossy glowing golden good graceful gracious grand grateful great green
  gritty grounded growing handy happy hardy harmonic hazel healthy hearty helpful heroic hidden holistic
  honest honeyed hopeful humble humming idyllic immense intent inventive ivory jade jaunty jazzy jolly jovial
  joyful joyous jubilant juicy just keen kind kindly kindred lasting laughing lavender leafy lean learned level
  light likable lilac limber lively lofty logical loving loyal lucid lucky luminous lunar lush lustrous lyrical
  magic magnetic majestic maple marine mature mellow melodic merry mighty mild mindful mint mirthful misty modest
  moonlit mossy musical mystic natural nautical neat nebular neighborly nifty nimble noble noted novel oaken
  obliging ocean olive open optimal orange orderly organic original outgoing pacific painted patient peaceful
  peachy pearly peppy perky placid playful pleasant pleased plucky plum poetic poised polar polished polite
  popular positive prancing precious precise prime prompt proper proud prudent punctual pure purple quaint quick
  quiet quirky radiant rapid rare ready regal relaxed reliable rested restful rhythmic rich rising robust roomy
  rosy round rousing royal ruby ruddy rugged running russet rustic sage sandy sapphire satin savvy scarlet scenic
  seaside secure serene shady sharp shining shiny silent silken silky silver simple sincere singing skilful sleek
  sleepy smart smiling smooth snowy snug sociable soft solar solid sound sparkling special speedy spirited
  splendid sprightly spruce spry stable stalwart starlit starry stately steadfast steady stellar still storied
  stout striking strong stunning sturdy stylish subtle sunlit sunny super supple sure svelte sweet swift talented
  tall tame tangy tawny teal tender thankful thorough thrifty thriving tidal tidy timely tireless topaz touching
  tranquil treasured trim true trusting trusty truthful twinkling unbroken unique upbeat upright urbane useful
  valiant valid valued vast velvet verdant versatile vibrant vigilant violet vital vivid wandering warm watchful
  wavy welcome whimsical whole wide wild willing windy winged winning winsome wintry wise witty wonderful woodland
  woolly worldly worthy young youthful zany zealous zesty zippy
`
  .trim()
  .split(/\s+/);

/** What it may be: mostly an animal or a plant. */
export const NOUNS: readonly string[] = `
  aardvark acorn albatross alder almond alpaca anchovy anemone antelope apple apricot armadillo aspen aster auk
  avocet axolotl badger bagel bamboo banjo banyan barnacle basil bat beacon bear beaver bee beech beetle begonia
  bellbird birch bison bittern blackbird blossom bluebell bluejay boar bobcat bonobo bream brook buffalo
  bulbul bullfinch bumblebee bunting butterfly buzzard cactus camel camellia canary canyon capybara caracal
  cardinal caribou carp cashew cassowary cat catfish cedar cello chaffinch chameleon chamois cheetah cherry
  chestnut chickadee chinchilla chipmunk cicada clam clarinet clover coati cockatoo cockle comet condor coot
  cormorant corncrake cornflower cougar cowrie coyote crab crane crayfish cricket crocus crossbill crow cuckoo
  curlew cypress daffodil dahlia daisy damselfly deer delta dingo dipper dogwood dolphin donkey dormouse dotterel
  dove dragonfly drongo duck dugong dunlin dunnock eagle echidna eel egret eider eland elder elephant elk elm emu
  ermine falcon fennec fern ferret fiddle fieldfare fig finch firefly fjord flamingo flounder flute fox foxglove
  freesia frigate frog fulmar galaxy gannet garnet gazelle gecko gentian gerbil gibbon ginkgo giraffe glacier gnu
  goat goldfinch goldfish goose gopher gorilla goshawk grasshopper grebe greenfinch grouper grouse guanaco gull
  guppy haddock hamster hare harp harrier hawk hawthorn hazel heather hedgehog heron herring hibiscus hippo holly
  honeybee hoopoe hornbeam hornbill horse hummingbird husky hyacinth ibex ibis iguana impala iris island ivy
  jackal jackdaw jaguar jasmine jay jellyfish jerboa juniper kangaroo kestrel kingfisher kinglet kite kitten kiwi
  koala koi kookaburra kudu lake lantern lapwing larch lark laurel lemming lemon lemur leopard lichen lily limpet
  linden linnet lion lizard llama lobster loon lorikeet lotus lupin lute lynx macaque macaw magnolia magpie
  mallard mallow manatee mandolin mango manta maple marigold marlin marmoset marmot marten martin meadow meerkat
  merlin mink minnow mockingbird mole mongoose monkey moon moorhen moose moss moth mouse mulberry mule muntjac
  mussel myrtle narwhal nautilus nectarine newt nightingale nightjar nutcracker nuthatch nutmeg oak oasis oboe
  ocelot octopus okapi olive opossum orange orangutan orca orchid oriole oryx osprey ostrich otter owl oyster
  panda pangolin panther papaya parakeet parrot partridge peach peacock peanut pear pebble pelican penguin peony
  perch peregrine petrel petunia pheasant piano pigeon pika pike pine pintail pipit plaice planet platypus plover
  plum polecat pony poplar poppy porcupine porpoise possum prairie prawn primrose puffin pug puma pumpkin python
  quail quetzal quince quokka rabbit raccoon rainbow raven ray razorbill redpoll redstart redwing reed reindeer
  rhino river robin roebuck roller rook rose rosemary rowan saffron salamander salmon sandpiper sardine scallop
  scaup seagull seahorse seal sequoia serval shearwater sheep shelduck shrew shrike shrimp siskin skate skink skua
  skylark sloth snail snipe snowdrop sole sparrow spoonbill spruce squid squirrel stallion star starfish starling
  stilt stingray stoat stork stream sturgeon sunfish sunflower swallow swan swift sycamore tamarin tamarind
  tanager tapir tarsier teal tenrec termite tern terrapin thistle thrush thyme tiger toad tortoise toucan
  treecreeper trogon trout tulip tuna turaco turbot turkey turnstone turtle valley vicuna viola violet viper vole
  wagtail wallaby walnut walrus warbler warthog waxwing weasel whale wheatear whimbrel whinchat whippet whiting
  wigeon wildcat willow wisteria wolf wolverine wombat woodlark woodpecker wren wryneck yak yarrow yew
  zander zebra zebu zinnia
`
  .trim()
  .split(/\s+/);
