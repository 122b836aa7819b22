//! The commonest words of seven languages, for texts too short to guess by letters.
//!
//! A word that two languages share votes for both, so it decides nothing.

/// Language code and its words, lower case.
pub(super) const COMMON: [(&str, &str); 7] = [
    (
        "en",
        "the is my where order and you it have not when what please thanks thank hi hello hey any update still \
         for your this that i was can could would will how do does did with to of yet are been got get why tracking \
         shipped package parcel refund return cancel want need am we but delivered arrive item number status received \
         no has he she they them his her so me all an as if or at by from out up one two who go now new like know see make \
         because more than then also only really very sorry sent send order's ordered buy bought again never ever after \
         before only could can't don't didn't hasn't haven't isn't wasn't won't doesn't i've i'm it's where's what's \
         come came van pour sale encore been being getting waiting need someone anyone nothing something wrong right \
         size color refunded cancelled replacement label address change phone call number email account \
         money paid charged card delivery post mail late soon time long about which why had were more much many \
         help im its day days week weeks today late lost ago ok yes just there here on in at me track shipping",
    ),
    (
        "es",
        "el la los las mi pedido dónde donde está esta hola gracias cuándo cuando que qué por para con una un no es \
         y de se lo he ha mis su buenas buenos días tardes todavía aún llega llegar quiero paquete del al muy favor \
         tengo recibido llegado son ya estado envío me cómo como pero sin hace",
    ),
    (
        "de",
        "der die das ist mein meine wo bestellung und ich nicht wann bitte danke hallo guten tag noch mit für auf ein \
         eine habe wie was kommt paket sie es zu von den dem ihr wird ist's moin schon immer lieferung bleibt \
         morgen hat wurde kann mir mich bei aber sendung retoure stornieren angekommen",
    ),
    (
        "fr",
        "le la les ma mon commande où est et je pas quand bonjour merci vous une un des du de que qui pour sur \
         colis toujours reçu ai n'ai j'ai c'est svp salut votre au avec il elle ne ce cette suis mes \
         livraison bonsoir rien s'il plaît plait voudrais est-ce a été ou",
    ),
    (
        "pt",
        "o a os as meu minha encomenda pedido onde está e eu não quando obrigado obrigada olá oi bom boa dia tarde \
         que para com uma um do da no na ainda chegou recebi por favor quero é meus já cadê vocês foi em mas \
         sem entrega vai chegar pacote gostaria",
    ),
    (
        "nl",
        "de het een mijn bestelling waar is en ik niet wanneer hallo bedankt dank u je alstublieft nog met voor op \
         van hoe wat pakket heb er dit dat goedemorgen goedendag graag al wordt komt blijft naar kan mij maar \
         ontvangen geleverd hoi beste",
    ),
    (
        "it",
        "il lo la gli le mio mia ordine dove è e io non quando ciao grazie buongiorno salve un una per con di del \
         della che ho ancora pacco arrivato ricevuto vorrei sono mi da si ma favore spedizione ma l'ordine \
         buonasera arriva",
    ),
];
