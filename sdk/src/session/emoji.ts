/** The 64 emoji that people compare, by number; pictures and English names are those of Matrix. */

/** One of them. */
export interface Emoji {
  /** 0 to 63. */
  readonly number: number;
  readonly symbol: string;
  /** Its name. */
  readonly en: string;
  readonly fr: string;
}

const TABLE: readonly (readonly [string, string, string])[] = [
  ["🐶", "Dog", "Chien"],
  ["🐱", "Cat", "Chat"],
  ["🦁", "Lion", "Lion"],
  ["🐎", "Horse", "Cheval"],
  ["🦄", "Unicorn", "Licorne"],
  ["🐷", "Pig", "Cochon"],
  ["🐘", "Elephant", "Éléphant"],
  ["🐰", "Rabbit", "Lapin"],
  ["🐼", "Panda", "Panda"],
  ["🐓", "Rooster", "Coq"],
  ["🐧", "Penguin", "Manchot"],
  ["🐢", "Turtle", "Tortue"],
  ["🐟", "Fish", "Poisson"],
  ["🐙", "Octopus", "Poulpe"],
  ["🦋", "Butterfly", "Papillon"],
  ["🌷", "Flower", "Fleur"],
  ["🌳", "Tree", "Arbre"],
  ["🌵", "Cactus", "Cactus"],
  ["🍄", "Mushroom", "Champignon"],
  ["🌏", "Globe", "Globe"],
  ["🌙", "Moon", "Lune"],
  ["☁️", "Cloud", "Nuage"],
  ["🔥", "Fire", "Feu"],
  ["🍌", "Banana", "Banane"],
  ["🍎", "Apple", "Pomme"],
  ["🍓", "Strawberry", "Fraise"],
  ["🌽", "Corn", "Maïs"],
  ["🍕", "Pizza", "Pizza"],
  ["🎂", "Cake", "Gâteau"],
  ["❤️", "Heart", "Cœur"],
  ["🙂", "Smiley", "Sourire"],
  ["🤖", "Robot", "Robot"],
  ["🎩", "Hat", "Chapeau"],
  ["👓", "Glasses", "Lunettes"],
  ["🔧", "Spanner", "Clé à molette"],
  ["🎅", "Santa", "Père Noël"],
  ["👍", "Thumbs Up", "Pouce en l’air"],
  ["☂️", "Umbrella", "Parapluie"],
  ["⌛", "Hourglass", "Sablier"],
  ["⏰", "Clock", "Réveil"],
  ["🎁", "Gift", "Cadeau"],
  ["💡", "Light Bulb", "Ampoule"],
  ["📕", "Book", "Livre"],
  ["✏️", "Pencil", "Crayon"],
  ["📎", "Paperclip", "Trombone"],
  ["✂️", "Scissors", "Ciseaux"],
  ["🔒", "Lock", "Cadenas"],
  ["🔑", "Key", "Clé"],
  ["🔨", "Hammer", "Marteau"],
  ["☎️", "Telephone", "Téléphone"],
  ["🏁", "Flag", "Drapeau"],
  ["🚂", "Train", "Train"],
  ["🚲", "Bicycle", "Vélo"],
  ["✈️", "Aeroplane", "Avion"],
  ["🚀", "Rocket", "Fusée"],
  ["🏆", "Trophy", "Trophée"],
  ["⚽", "Ball", "Ballon"],
  ["🎸", "Guitar", "Guitare"],
  ["🎺", "Trumpet", "Trompette"],
  ["🔔", "Bell", "Cloche"],
  ["⚓️", "Anchor", "Ancre"],
  ["🎧", "Headphones", "Casque"],
  ["📁", "Folder", "Dossier"],
  ["📌", "Pin", "Punaise"],
];

/** By their numbers; those above 63 are none. */
export function emojiOf(numbers: Iterable<number>): readonly Emoji[] {
  return [...numbers].flatMap((number) => {
    const row = TABLE[number];
    return row === undefined ? [] : [{ number, symbol: row[0], en: row[1], fr: row[2] }];
  });
}
